# The scheduler's image: a static binary and CA certificates, no distribution, no
# shell, not root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=v0.0.0-dev COMMIT=unknown BUILD_DATE=unknown
ENV CGO_ENABLED=0
RUN K8S=$(awk '$1 == "k8s.io/kubernetes" {print $2}' go.mod) && \
    INFO=github.com/foresight-scheduler/foresight/cmd/internal/buildinfo && \
    go build -trimpath -o /foresight-scheduler -ldflags "-s -w \
      -X $INFO.version=$VERSION -X $INFO.commit=$COMMIT -X $INFO.date=$BUILD_DATE \
      -X k8s.io/component-base/version.gitVersion=$K8S -X k8s.io/client-go/pkg/version.gitVersion=$K8S" \
    ./cmd/foresight-scheduler

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /foresight-scheduler /foresight-scheduler
USER 65532:65532
EXPOSE 10259
ENTRYPOINT ["/foresight-scheduler"]
