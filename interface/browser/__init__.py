"""The browser's side: films, page language and closed routes before gradio, and the style."""
