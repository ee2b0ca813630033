"""What people look at: a Streamlit app over reports; see README.md beside this file."""
