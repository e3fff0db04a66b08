// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package components

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func etcd() int {
	etcdmain.Main(os.Args)
	return 0
}
