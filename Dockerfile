# The image of the gateway: Node, the compiled program and its production dependencies; no shell, no package manager.
#
#   docker build -t lead-gateway .
#   docker run --read-only --cap-drop ALL -p 127.0.0.1:8080:8080 --env-file .env lead-gateway
#
# Mount what you configure: the files of the X_FILE variables and of API_KEYS_FILE to be read (the folder of the latter, so
# that a new file is noticed), and a volume for the folder of OUTBOX_URL or SANDBOX_STATE_FILE when it is set. Nothing else
# has to be writable.
#
# It listens on every address, and therefore refuses to start until either its callers are authenticated or
# ALLOW_UNAUTHENTICATED=true says that they need not be. The image does not decide that for you.

# Both by tag; give digests of your choice with --build-arg.
ARG BUILDER=node:24-trixie-slim
ARG RUNTIME=gcr.io/distroless/nodejs24-debian13:nonroot

FROM ${BUILDER} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY build ./build
# Without scripts: the sources are not here yet.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY src ./src
RUN npm run build
COPY LICENSE ./
COPY assets ./assets
# Files keep the mode they have where the image is built, which may be for their owner only.
RUN chmod -R a+rX package.json LICENSE assets

FROM ${BUILDER} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --workspaces=false --ignore-scripts --no-audit --no-fund
# What is for debuggers, compilers and bundlers.
RUN find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name 'swagger-ui-es-*' -o -name 'swagger-ui.js' \) -delete

FROM ${RUNTIME}
# docker build --build-arg REVISION=$(git rev-parse HEAD) --build-arg CREATED=$(date -u +%FT%TZ)
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="lead-gateway" \
  org.opencontainers.image.description="Put leads into Marketo with one JSON request." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/dist ./dist
COPY --from=build /app/assets ./assets
# The user nonroot of the base, by number: Kubernetes cannot tell by a name that it is not root.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["/nodejs/bin/node", "dist/main.js", "health"]
ENTRYPOINT ["/nodejs/bin/node", "dist/main.js"]
CMD ["serve"]
