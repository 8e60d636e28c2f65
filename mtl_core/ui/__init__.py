"""The content of the pages. The only package that imports Streamlit."""
