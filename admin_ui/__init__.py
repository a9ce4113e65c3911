"""The analyst's view: a Streamlit program that speaks to the service over HTTP only.

Start it with `streamlit run admin_ui/main.py`. Its only setting is `NEXTCLOSE_API_URL`, the service's address.
"""
