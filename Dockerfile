# The scheduler's image: a static binary and CA certificates, no distribution, no
# shell, not root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=v0.0.0-dev COMMIT=unknown BUILD_DATE=unknown
ENV CGO_ENABLED=0
RUN go build -trimpath -o /foresight-scheduler -ldflags "$(hack/ldflags.sh)" ./cmd/foresight-scheduler

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /foresight-scheduler /foresight-scheduler
USER 65532:65532
EXPOSE 10259
ENTRYPOINT ["/foresight-scheduler"]
