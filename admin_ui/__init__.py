"""The analyst's view: a Streamlit program that speaks to the service over HTTP only.

Start it with `streamlit run admin_ui/main.py`. Its two settings are in `client`.
"""
