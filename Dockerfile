# The platform: `arena serve`. Evaluating agents needs a Docker daemon, which a platform that strangers reach should not have.
#
#     docker build --tag arena .
#     docker run --rm --publish 127.0.0.1:7878:7878 --volume arena-store:/var/lib/arena arena

# Both can be replaced, for example by images from a mirror.
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --bin arena

FROM ${BASE_IMAGE}
COPY --from=build /src/target/release/arena /usr/local/bin/arena
# The user needs no name: the server only reads and writes its store.
RUN mkdir /var/lib/arena && chown 10001:10001 /var/lib/arena && chmod 700 /var/lib/arena
USER 10001:10001
ENV ARENA_STORE=/var/lib/arena
VOLUME /var/lib/arena
EXPOSE 7878
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7878 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep --quiet '\"ok\"' <&3"]
ENTRYPOINT ["arena"]
CMD ["serve", "--addr", "0.0.0.0:7878"]
