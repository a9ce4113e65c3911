"""The analyst's view: a Streamlit program that speaks to the service over HTTP only."""
