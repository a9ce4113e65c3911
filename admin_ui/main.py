"""Navigation only: which views there are."""

import streamlit as st

from admin_ui.views import models, prices

st.set_page_config(page_title="Nextclose, analyst's view", layout="wide")
st.navigation(
    [
        st.Page(prices.show, title="Prices", default=True),
        st.Page(models.show, title="Models", url_path="models"),
    ],
    position="top",
).run()
