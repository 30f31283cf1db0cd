# stream-unmask in a container, as an ordinary user.
#   docker build -t stream-unmask .
#   docker run --rm -v "$PWD:/media" stream-unmask video.mp4 -o out.mp4
# For an NVIDIA GPU (with the container toolkit, `--gpus all`):
#   docker build --build-arg EXTRAS='[gpu]' -t stream-unmask:cuda .
FROM python:3.12-slim AS build
ARG EXTRAS=""
WORKDIR /src
COPY . .
RUN python -m venv /opt/stream-unmask \
    && /opt/stream-unmask/bin/pip install --no-cache-dir --constraint constraints.txt ".${EXTRAS}"

FROM python:3.12-slim
COPY --from=build /opt/stream-unmask /opt/stream-unmask
RUN useradd --create-home unmask && mkdir --parents /media && chown unmask /media
ENV PATH="/opt/stream-unmask/bin:$PATH" NUMBA_CACHE_DIR=/home/unmask/.cache/numba
USER unmask
WORKDIR /media
ENTRYPOINT ["stream-unmask"]
