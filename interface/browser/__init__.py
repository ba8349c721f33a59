"""What the browser asks for besides gradio's own: films, page language, closed routes, style."""
