"""Streamlit's web server: what it accepts from the network, and how it is started."""
