"""What a page says that has nothing to show: why, and what to do."""

import streamlit as st


def say_empty(words: tuple[str, str, str], **facts: str) -> None:
    """Say a heading, a sentence and the commands that help, with `facts` filled in."""
    heading, sentence, commands = (part.format(**facts) for part in words)
    with st.container(border=True):
        st.subheader(heading, anchor=False)
        st.markdown(sentence)
        st.code(commands, language=None)
