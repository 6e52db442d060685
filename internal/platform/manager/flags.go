// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"flag"
	"strings"
	"time"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
)

const (
	flagQPS       = "rest-config-qps"
	flagBurst     = "rest-config-burst"
	flagAlwaysTTL = "default-ttlseconds-for-always-nodeimage"

	defaultWorkers = 3
)

// AddFlags binds the options to their flags and sets the defaults (manager specification, section 3).
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	o.addClientFlags(fs)
	o.addServerFlags(fs)
	o.addControllerFlags(fs)
	o.LeaderElection.addFlags(fs)
	o.RateLimiter.addFlags(fs)
	for _, kind := range workerFlags() {
		o.Workers[kind] = fs.Int(kind+"-workers", defaultWorkers, "How many objects of this kind are reconciled at once.")
	}
	o.Gates.AddFlag(fs)
	logsapi.AddFlags(o.Logging, fs)
	addClassicLogFlags(fs)
}

// addClassicLogFlags adds the flags of klog that logging by component-base no longer has. Manifests of earlier releases give them:
// they must be accepted. Logs go to standard output and error in any case.
func addClassicLogFlags(fs *pflag.FlagSet) {
	var classic flag.FlagSet
	klog.InitFlags(&classic)
	for _, name := range []string{
		"logtostderr", "alsologtostderr", "stderrthreshold", "log_dir", "log_file", "log_file_max_size", "add_dir_header",
		"skip_headers", "skip_log_headers", "one_output", "log_backtrace_at",
	} {
		accepted := pflag.PFlagFromGoFlag(classic.Lookup(name))
		accepted.Usage = "Accepted for manifests of earlier releases. " + accepted.Usage
		fs.AddFlag(accepted)
	}
}

func (o *Options) addClientFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", "", "Path of a kubeconfig, for running outside of the cluster.")
	fs.IntVar(&o.QPS, flagQPS, publishedQPS, "Requests per second of each client. Without this flag and --rest-config-burst there is no limit but the API server's.")
	fs.IntVar(&o.Burst, flagBurst, publishedBurst, "Burst of each client. Without this flag and --rest-config-qps there is no limit but the API server's.")
	fs.StringVar(&o.Namespace, "namespace", "", "The only namespace to watch. Empty means all.")
	fs.StringVar(&o.syncPeriodText, "sync-period", "", "Time between two resyncs of each informer, 0 for none. Empty means the library's default of about 10h.")
}

func (o *Options) addServerFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.MetricsAddr, "metrics-addr", ":8080", "Address of the metrics endpoint, 0 for none.")
	fs.BoolVar(&o.MetricsSecure, "metrics-secure", false, "Serve metrics over TLS, with the webhook certificate, to those whom the API server lets get /metrics.")
	fs.StringVar(&o.HealthProbeAddr, "health-probe-addr", ":8000", "Address of /healthz and /readyz, 0 for none.")
	fs.BoolVar(&o.EnablePprof, "enable-pprof", true, "Serve /debug/pprof/.")
	fs.StringVar(&o.PprofAddr, "pprof-addr", "localhost:8090", "Address of /debug/pprof/.")
	fs.DurationVar(&o.WebhookInitializeTimeout, "webhook-initialize-timeout", time.Minute, "Time in which webhook certificate and configurations must be in place after the start.")
	fs.BoolVar(&o.AllowPrivileged, "allow-privileged", true, "Let workload templates with privileged containers pass validation.")
	fs.StringVar(&o.ProtectionLogPath, "protection-log-path", "/log", "Directory of the protection log.")
}

func (o *Options) addControllerFlags(fs *pflag.FlagSet) {
	fs.DurationVar(&o.CacheSyncTimeout, "controller-cache-sync-timeout", 2*time.Minute, "Time in which the caches of a controller must be filled.")
	fs.IntVar(&o.AlwaysNodeImageTTL, flagAlwaysTTL, 300, "Seconds that finished always-pull tasks stay in a NodeImage, 0 to 2678400.")
	fs.BoolVar(&o.DisableNoDeepCopy, "disable-no-deepcopy", false, "Copy the objects of every list from the cache.")
	fs.DurationVar(&o.ExpectationTimeout, "expectation-timeout", 5*time.Minute, "How long a controller waits for its own writes to show in the cache before it reads from the API server.")
	fs.StringVar(&o.versionedStatus, "ws-enabled-versioned-status", "deployment,replicaset", "Workload kinds with per-revision WorkloadSpread status.")
	fs.BoolVar(&o.AssignPodsByScheduler, "assign-pods-by-scheduler", true, "Let the scheduler place Advanced DaemonSet Pods through node affinity.")
	fs.BoolVar(&o.AssignBroadcastJobByScheduler, "assign-bcj-pods-by-scheduler", true, "Let the scheduler place BroadcastJob Pods through node affinity.")
	fs.BoolVar(&o.CloneSetExcludePreparingDelete, "cloneset-scaling-exclude-preparing-delete", false, "Leave Pods in PreparingDelete out of the scale of every CloneSet.")
	fs.DurationVar(&o.NodeImageCreationDelay, "nodeimage-creation-delay", 30*time.Second, "Delay after a node is ready before its NodeImage is made.")
}

func (l *LeaderElectionOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&l.Enabled, "enable-leader-election", true, "Run controllers in one replica at a time.")
	fs.StringVar(&l.Namespace, "leader-election-namespace", defaultNamespace, "Namespace of the lease. Empty means that of the Pod.")
	fs.StringVar(&l.ID, "leader-election-id", "kruise-manager", "Name of the lease.")
	fs.StringVar(&l.ResourceLock, "leader-election-resource-lock", "leases", "Kind of the lock.")
	fs.DurationVar(&l.LeaseDuration, "leader-election-lease-duration", 15*time.Second, "How long others wait after the last sign of a leader.")
	fs.DurationVar(&l.RenewDeadline, "leader-election-renew-deadline", 10*time.Second, "How long a leader tries to renew before it gives up.")
	fs.DurationVar(&l.RetryPeriod, "leader-election-retry-period", 2*time.Second, "Time between two renewals.")
}

func (r *RateLimiterOptions) addFlags(fs *pflag.FlagSet) {
	fs.DurationVar(&r.BaseDelay, "rate-limiter-base-delay", 5*time.Millisecond, "First delay of the back-off of an object.")
	fs.DurationVar(&r.MaxDelay, "rate-limiter-max-delay", 1000*time.Second, "Longest delay of the back-off of an object.")
	fs.IntVar(&r.QPS, "rate-limiter-qps", 10, "Retries per second of a controller over all objects.")
	fs.IntVar(&r.BucketSize, "rate-limiter-bucket-size", 100, "Burst of the retries of a controller.")
}

// NormalizeArguments gives long flags with a single dash, as in "-logtostderr=true", their second one. What is a flag of one
// letter stays.
func NormalizeArguments(fs *pflag.FlagSet, arguments []string) []string {
	normalized := make([]string, 0, len(arguments))
	for i, argument := range arguments {
		if argument == "--" {
			return append(normalized, arguments[i:]...)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(argument, "-"), "=")
		if strings.HasPrefix(argument, "-") && len(name) > 1 && fs.Lookup(name) != nil {
			argument = "-" + argument
		}
		normalized = append(normalized, argument)
	}
	return normalized
}
