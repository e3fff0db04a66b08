// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package components

import (
	_ "time/tzdata" // time zones of CronJobs on hosts that have none

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client-go's metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func kubeAPIServer() int {
	return cli.Run(app.NewAPIServerCommand())
}
