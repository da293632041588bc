# The image of the gateway: the compiled program and its production dependencies, nothing else.
#
#   docker build -t lead-gateway .
#   docker run --read-only -p 8080:8080 --env-file .env lead-gateway
#
# It listens on every address, and therefore refuses to start until either its callers are authenticated or
# ALLOW_UNAUTHENTICATED=true says that they need not be. The image does not decide that for you.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json README.md LICENSE ./
COPY openapi ./openapi
COPY wsdl ./wsdl
COPY sandbox-page ./sandbox-page
USER node
EXPOSE 8080
# Asks the address the gateway listens on; 0.0.0.0 and :: are reached through loopback.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["node", "-e", "const {HOST = '127.0.0.1', PORT = '8080'} = process.env; const host = {'0.0.0.0': '127.0.0.1', '::': '::1'}[HOST] ?? HOST; fetch(`http://${host.includes(':') ? `[${host}]` : host}:${PORT}/healthz`, {signal: AbortSignal.timeout(4000)}).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
