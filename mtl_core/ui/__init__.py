"""The pages' parts: the only room that knows Streamlit."""
