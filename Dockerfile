# docker build -t replyx . && docker run -p 127.0.0.1:8000:8000 -v replyx:/data replyx
FROM python:3.12-slim AS build
WORKDIR /src
COPY packaging/requirements.lock ./
RUN pip install --no-cache-dir --prefix=/install --require-hashes -r requirements.lock
COPY pyproject.toml setup.cfg README.md LICENSE run.py ./
COPY replyx replyx
COPY handlers handlers
COPY static static
COPY templates templates
RUN pip install --no-cache-dir --prefix=/install --no-deps .

FROM python:3.12-slim
COPY --from=build /install /usr/local
# By number, so that a cluster which demands a user without rights can see that it is one.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
# Inside the container every address is the container's own; what is published decides who can reach it.
ENV HOST=0.0.0.0 PORT=8000 DATA_DIR=/data PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health', timeout=4)"]
CMD ["replyx"]
