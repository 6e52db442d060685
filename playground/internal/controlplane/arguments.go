// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"fmt"
	"path/filepath"
	"sort"
	"strconv"

	"kruise.io/kruise/playground/internal/build"
	"kruise.io/kruise/playground/internal/instance"
)

// flagSet holds command-line flags by name.
type flagSet map[string]string

// list renders the flags in the order of their names, so that the same settings give the same command line.
func (f flagSet) list() []string {
	list := make([]string, 0, len(f))
	for name, value := range f {
		list = append(list, "--"+name+"="+value)
	}
	sort.Strings(list)
	return list
}

func etcdArguments(inst *instance.Instance) []string {
	client := etcdURL(inst)
	peer := fmt.Sprintf("http://127.0.0.1:%d", inst.Port(instance.EtcdPeer))
	return flagSet{
		"name":                        inst.Name,
		"data-dir":                    inst.Path("etcd"),
		"listen-client-urls":          client,
		"advertise-client-urls":       client,
		"listen-peer-urls":            peer,
		"initial-advertise-peer-urls": peer,
		"initial-cluster":             inst.Name + "=" + peer,
		"log-level":                   "warn",
		// The data dies with the instance: durability would only cost time.
		"unsafe-no-fsync":           "true",
		"snapshot-count":            "50000",
		"quota-backend-bytes":       strconv.Itoa(4 << 30),
		"auto-compaction-mode":      "periodic",
		"auto-compaction-retention": "5m",
	}.list()
}

func etcdURL(inst *instance.Instance) string {
	return fmt.Sprintf("http://127.0.0.1:%d", inst.Port(instance.EtcdClient))
}

func apiServerArguments(inst *instance.Instance) []string {
	pki := func(file string) string { return filepath.Join(inst.PKIDir(), file) }
	flags := flagSet{
		"etcd-servers":             etcdURL(inst),
		"bind-address":             inst.HostIP(),
		"secure-port":              strconv.Itoa(inst.Port(instance.APIServer)),
		"tls-cert-file":            pki("apiserver.crt"),
		"tls-private-key-file":     pki("apiserver.key"),
		"client-ca-file":           pki("ca.crt"),
		"authorization-mode":       "Node,RBAC",
		"enable-admission-plugins": "NodeRestriction",
		"allow-privileged":         "true",
		"service-cluster-ip-range": inst.ServiceCIDR(),

		"service-account-issuer":           "https://kubernetes.default.svc.cluster.local",
		"service-account-key-file":         pki("sa.pub"),
		"service-account-signing-key-file": pki("sa.key"),

		"kubelet-client-certificate":      pki("apiserver-kubelet-client.crt"),
		"kubelet-client-key":              pki("apiserver-kubelet-client.key"),
		"kubelet-preferred-address-types": "InternalIP",

		// The aggregation layer: APIServices get to know who asks. They and webhooks are reached at the endpoints of
		// their Services, because the host itself has no route to ClusterIPs.
		"enable-aggregator-routing":          "true",
		"proxy-client-cert-file":             pki("front-proxy-client.crt"),
		"proxy-client-key-file":              pki("front-proxy-client.key"),
		"requestheader-client-ca-file":       pki("front-proxy-ca.crt"),
		"requestheader-allowed-names":        "front-proxy-client",
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",

		"v": "1",
	}
	if inst.NodeType == instance.Real {
		flags["advertise-address"] = inst.HostIP()
	} else {
		// The API server refuses to publish a loopback address, and no Pod could use it.
		flags["endpoint-reconciler-type"] = "none"
	}
	return flags.list()
}

func controllerManagerArguments(inst *instance.Instance, opts Options) []string {
	pki := func(file string) string { return filepath.Join(inst.PKIDir(), file) }
	flags := flagSet{
		"kubeconfig":                       credentials(inst, build.ControllerManager),
		"authentication-kubeconfig":        credentials(inst, build.ControllerManager),
		"authorization-kubeconfig":         credentials(inst, build.ControllerManager),
		"bind-address":                     "127.0.0.1",
		"secure-port":                      strconv.Itoa(inst.Port(instance.ControllerManager)),
		"service-account-private-key-file": pki("sa.key"),
		"root-ca-file":                     pki("ca.crt"),
		"cluster-signing-cert-file":        pki("ca.crt"),
		"cluster-signing-key-file":         pki("ca.key"),
		"requestheader-client-ca-file":     pki("front-proxy-ca.crt"),
		"use-service-account-credentials":  "true",
		"controllers":                      "*,bootstrapsigner,tokencleaner",
		"enable-hostpath-provisioner":      "true",
		"leader-elect":                     "false",
		"kube-api-qps":                     clientQPS,
		"kube-api-burst":                   clientBurst,
		// Tests of autoscaling cannot wait for the minutes that suit production.
		"horizontal-pod-autoscaler-sync-period":             "2s",
		"horizontal-pod-autoscaler-downscale-stabilization": "5s",
		"horizontal-pod-autoscaler-initial-readiness-delay": "5s",
		"v": "1",
	}
	if opts.NodeMonitorGracePeriod > 0 {
		flags["node-monitor-grace-period"] = opts.NodeMonitorGracePeriod.String()
		flags["node-monitor-period"] = min(opts.NodeMonitorGracePeriod/4, defaultNodeMonitorPeriod).String()
	}
	return flags.list()
}

func schedulerArguments(inst *instance.Instance) []string {
	return flagSet{
		"kubeconfig":                credentials(inst, build.Scheduler),
		"authentication-kubeconfig": credentials(inst, build.Scheduler),
		"authorization-kubeconfig":  credentials(inst, build.Scheduler),
		"bind-address":              "127.0.0.1",
		"secure-port":               strconv.Itoa(inst.Port(instance.Scheduler)),
		"leader-elect":              "false",
		"kube-api-qps":              clientQPS,
		"kube-api-burst":            clientBurst,
		"v":                         "1",
	}.list()
}
