"""Navigation only: which views there are."""

import streamlit as st

from admin_ui.views import comparison, explorer, features, forecasts, models, operations, overview, prices

st.set_page_config(page_title="Nextclose, analyst's view", layout="wide")
st.navigation(
    [
        st.Page(overview.show, title="Overview", default=True),
        st.Page(prices.show, title="Prices", url_path="prices"),
        st.Page(explorer.show, title="Explorer", url_path="explorer"),
        st.Page(models.show, title="Models", url_path="models"),
        st.Page(comparison.show, title="Comparison", url_path="comparison"),
        st.Page(features.show, title="Features", url_path="features"),
        st.Page(forecasts.show, title="Forecasts", url_path="forecasts"),
        st.Page(operations.show, title="Jobs and data", url_path="operations"),
    ],
    position="top",
).run()
