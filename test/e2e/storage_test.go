// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestConfigMapAndSecret(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: green, file: in a file}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: s3cret}
---
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  restartPolicy: Never
  containers:
  - name: c
    args: [cat, /settings/file, /token/token, /proc/self/environ]
    env:
    - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
    volumeMounts:
    - {name: settings, mountPath: /settings}
    - {name: token, mountPath: /token}
  volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: token, secret: {secretName: token}}
`)
	awaitPod(t, ns, "reader", "done", ended(v1.PodSucceeded))
	awaitLog(t, ns, "reader", "in a file", "s3cret", "COLOUR=green")
}

// What a pod writes to its node's disk is there for the next pod on that node.
func TestHostPath(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	manifest := func(name, args string) string {
		return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  restartPolicy: Never
  nodeSelector: {kubernetes.io/hostname: node-1}
  containers:
  - {name: c, args: ` + args + `, volumeMounts: [{name: disk, mountPath: /disk}]}
  volumes:
  - {name: disk, hostPath: {path: /var/lib/e2e-` + ns + `, type: DirectoryOrCreate}}
`
	}
	apply(t, ns, manifest("writer", "[write, /disk/note, remember]"))
	awaitPod(t, ns, "writer", "done", ended(v1.PodSucceeded))
	apply(t, ns, manifest("reader", "[cat, /disk/note]"))
	awaitPod(t, ns, "reader", "done", ended(v1.PodSucceeded))
	awaitLog(t, ns, "reader", "remember")
}

// A claim that waits for its first consumer is bound by the scheduler, which places the pod
// where the volume is, and the data outlives the pod.
func TestLocalPersistentVolume(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: `+ns+`}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: `+ns+`}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: `+ns+`
  local: {path: /mnt}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node-1]}]}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: `+ns+`
  resources: {requests: {storage: 1Gi}}
`)
	claim, err := client.CoreV1().PersistentVolumeClaims(ns).Get(t.Context(), "data", metav1.GetOptions{})
	if err != nil || claim.Status.Phase != v1.ClaimPending {
		t.Fatalf("without a consumer the claim is %s, %v", claim.Status.Phase, err)
	}
	manifest := func(name, args string) string {
		return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  restartPolicy: Never
  containers:
  - {name: c, args: ` + args + `, volumeMounts: [{name: data, mountPath: /data}]}
  volumes:
  - {name: data, persistentVolumeClaim: {claimName: data}}
`
	}
	apply(t, ns, manifest("writer", "[write, /data/note, remember]"))
	pod := awaitPod(t, ns, "writer", "done", ended(v1.PodSucceeded))
	if pod.Spec.NodeName != "node-1" {
		t.Errorf("it was placed on %s, away from the volume", pod.Spec.NodeName)
	}
	apply(t, ns, manifest("reader", "[cat, /data/note]"))
	awaitPod(t, ns, "reader", "done", ended(v1.PodSucceeded))
	awaitLog(t, ns, "reader", "remember")
}
