"""What a reader sees: panels built with gradio."""
