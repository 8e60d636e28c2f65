"""Charts: builds Plotly figures from values, without Streamlit and torch."""
