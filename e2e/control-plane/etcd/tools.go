//go:build tools

// Package tools names the etcd of the lab's control plane, so that go.mod and go.sum hold all it needs.
package tools

import _ "go.etcd.io/etcd/server/v3"
