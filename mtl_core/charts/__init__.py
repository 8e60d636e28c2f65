"""Charts: values become Plotly figures. No Streamlit here, no torch."""
