# The image of `autopsy debug --kubectl`: fetches the core, waits, and opens it with ./rundebug.sh.
#   docker build -f deploy/docker/debug.Dockerfile --build-arg BASE=autopsy:0.1.0 -t autopsy-debug:0.1.0 .
ARG BASE=autopsy:0.1.0
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends curl gdb less unzip vim-tiny && rm -rf /var/lib/apt/lists/* \
	&& useradd --create-home --uid 1001 debugger && install -d -o debugger /debug
COPY --chmod=755 deploy/docker/init.sh deploy/docker/rundebug.sh /debug/
USER 1001
WORKDIR /debug
ENTRYPOINT []
CMD ["./init.sh"]
