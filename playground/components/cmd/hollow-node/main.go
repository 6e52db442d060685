// Command hollow-node is replaced below.
package main

import (
	_ "k8s.io/cri-client/pkg/fake"
	_ "k8s.io/kubernetes/pkg/kubemark"
)

func main() {}
