# The page on port 7860, with the checkpoints and cases that ship: docker build -t viewbox . && docker run -p 7860:7860 viewbox
FROM python:3.12-slim-bookworm

# Without a GPU, pass PyTorch's index of CPU builds: 2.9 GB of CUDA then stay out of the image.
ARG PIP_EXTRA_INDEX_URL
WORKDIR /app
COPY requirements.txt requirements-lake.txt requirements-dev.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps -e . \
    && useradd --create-home --uid 1000 viewbox
USER 1000

ENV GRADIO_SERVER_NAME=0.0.0.0 HF_HUB_DISABLE_TELEMETRY=1
EXPOSE 7860
HEALTHCHECK --interval=30s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/')"]
CMD ["viewbox", "serve"]
