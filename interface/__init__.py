"""The page that a reader sees: panels built with gradio."""
