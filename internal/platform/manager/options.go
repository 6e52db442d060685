// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manager wires kruise-manager together: it reads flags and environment, builds caches, clients, servers and leader
// election, and runs the controllers and webhooks of all areas. It is the only package that knows every area.
package manager

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	logsapi "k8s.io/component-base/logs/api/v1"

	"kruise.io/kruise/internal/platform/features"
	"kruise.io/kruise/internal/platform/leader"
)

const (
	// maxAlwaysTTL is 31 days, in seconds.
	maxAlwaysTTL = 31 * 24 * 60 * 60

	// publishedQPS and publishedBurst complete a client limit of which only the other half is given.
	publishedQPS   = 30
	publishedBurst = 50

	protectionLogFile = "protection.log"
)

// Options are the settings of one manager (manager specification, sections 3 to 5). Make them with NewOptions, bind flags with AddFlags,
// and after parsing call Complete and Validate.
type Options struct {
	Kubeconfig string
	// QPS and Burst limit each client; no limit unless one of the flags is given: the API server's priority and fairness decides.
	QPS, Burst int

	MetricsAddr, HealthProbeAddr, PprofAddr string
	EnablePprof                             bool
	// MetricsSecure serves metrics over TLS and to those only whom the API server lets get them.
	MetricsSecure   bool
	AllowPrivileged bool
	LeaderElection  LeaderElectionOptions
	// Namespace restricts the caches; empty means all.
	Namespace string
	// SyncPeriod is the resync of informers, nil for the library's default.
	SyncPeriod               *time.Duration
	CacheSyncTimeout         time.Duration
	WebhookInitializeTimeout time.Duration
	// AlwaysNodeImageTTL is the time to live of finished always-pull tasks, in seconds.
	AlwaysNodeImageTTL int
	Gates              *features.Gates
	ProtectionLogPath  string
	DisableNoDeepCopy  bool
	ExpectationTimeout time.Duration
	RateLimiter        RateLimiterOptions
	// VersionedStatusKinds are the workload kinds with per-revision WorkloadSpread status, in lower case.
	VersionedStatusKinds           sets.Set[string]
	AssignPodsByScheduler          bool
	AssignBroadcastJobByScheduler  bool
	CloneSetExcludePreparingDelete bool
	NodeImageCreationDelay         time.Duration
	Workers                        Workers
	Logging                        *logsapi.LoggingConfiguration
	Environment                    Environment
	// Notices are what the user should know about the values, to be logged once.
	Notices []string

	// As given, until Complete.
	syncPeriodText, versionedStatus string
}

// LeaderElectionOptions are the --leader-election-* flags.
type LeaderElectionOptions struct {
	Enabled                                   bool
	Namespace, ID, ResourceLock               string
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
}

// RateLimiterOptions pace the retries of controllers.
type RateLimiterOptions struct {
	BaseDelay, MaxDelay time.Duration
	QPS, BucketSize     int
}

// Workers says how many objects of a kind are reconciled at once, by the kind's name in lower case.
type Workers map[string]*int

// Of returns the number for a kind.
func (w Workers) Of(kind string) int { return *w[kind] }

// workerFlags are the kinds with a --<kind>-workers flag.
func workerFlags() []string {
	return []string{
		"cloneset", "statefulset", "daemonset", "broadcastjob", "advancedcronjob", "sidecarset", "uniteddeployment", "workloadspread",
		"podunavailablebudget", "persistentpodstate", "resourcedistribution", "nodeimage", "imagepulljob", "crr", "podprobemarker",
		"nodepodprobe", "sidecarterminator",
	}
}

// NewOptions returns options without any value; AddFlags sets the defaults.
func NewOptions() *Options {
	return &Options{Gates: features.New(), Workers: Workers{}, Logging: logsapi.NewLoggingConfiguration()}
}

// Parse reads flags and environment and checks everything that can be checked before the start. Arguments besides flags are refused.
func (o *Options) Parse(fs *pflag.FlagSet, arguments []string, getenv func(string) string) error {
	if err := fs.Parse(NormalizeArguments(fs, arguments)); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("argument %q: only flags are known, as --name=value", fs.Arg(0))
	}
	if err := o.Complete(fs, getenv); err != nil {
		return err
	}
	return o.Validate()
}

// Complete derives what flags and environment say together. getenv reads environment variables.
func (o *Options) Complete(fs *pflag.FlagSet, getenv func(string) string) error {
	env, err := ReadEnvironment(getenv)
	if err != nil {
		return err
	}
	o.Environment = env
	if env.WithoutSidecarSet {
		if err := o.Gates.SetDefault(features.PodWebhook, false); err != nil {
			return fmt.Errorf("default of feature gate %s: %w", features.PodWebhook, err)
		}
	}
	o.Notices = o.Gates.Notices()
	o.completeClientLimit(fs)
	if o.syncPeriodText != "" {
		if period, err := time.ParseDuration(o.syncPeriodText); err != nil || period < 0 {
			o.Notices = append(o.Notices, fmt.Sprintf("flag --sync-period=%s is ignored: give a duration such as 10h, or 0", o.syncPeriodText))
		} else {
			o.SyncPeriod = &period
		}
	}
	o.VersionedStatusKinds = sets.New[string]()
	for kind := range strings.SplitSeq(o.versionedStatus, ",") {
		if kind = strings.ToLower(strings.TrimSpace(kind)); kind != "" {
			o.VersionedStatusKinds.Insert(kind)
		}
	}
	if o.VersionedStatusKinds.Has("deployment") {
		o.VersionedStatusKinds.Insert("replicaset")
	}
	return nil
}

// completeClientLimit leaves clients without a limit unless a flag asks for one.
func (o *Options) completeClientLimit(fs *pflag.FlagSet) {
	qpsGiven, burstGiven := fs.Changed(flagQPS) && o.QPS > 0, fs.Changed(flagBurst) && o.Burst > 0
	switch {
	case !qpsGiven && !burstGiven:
		o.QPS, o.Burst = -1, -1
	case !qpsGiven:
		o.QPS = publishedQPS
	case !burstGiven:
		o.Burst = max(publishedBurst, o.QPS)
	}
}

// Validate reports every setting that cannot work, with the flag, its value and what to do.
func (o *Options) Validate() error {
	var problems []error
	refuse := func(flag string, value any, remedy string) {
		problems = append(problems, fmt.Errorf("flag --%s=%v: %s", flag, value, remedy))
	}
	if o.AlwaysNodeImageTTL < 0 || o.AlwaysNodeImageTTL > maxAlwaysTTL {
		refuse(flagAlwaysTTL, o.AlwaysNodeImageTTL, "give seconds from 0 to 2678400 (31 days)")
	}
	for flag, value := range map[string]time.Duration{
		"controller-cache-sync-timeout": o.CacheSyncTimeout,
		"webhook-initialize-timeout":    o.WebhookInitializeTimeout,
		"expectation-timeout":           o.ExpectationTimeout,
		"rate-limiter-base-delay":       o.RateLimiter.BaseDelay,
	} {
		if value <= 0 {
			refuse(flag, value, "give a duration above 0")
		}
	}
	if o.NodeImageCreationDelay < 0 {
		refuse("nodeimage-creation-delay", o.NodeImageCreationDelay, "give a duration of 0 or more")
	}
	if o.RateLimiter.MaxDelay < o.RateLimiter.BaseDelay {
		refuse("rate-limiter-max-delay", o.RateLimiter.MaxDelay, "give at least the value of --rate-limiter-base-delay")
	}
	for flag, value := range map[string]int{"rate-limiter-qps": o.RateLimiter.QPS, "rate-limiter-bucket-size": o.RateLimiter.BucketSize} {
		if value < 1 {
			refuse(flag, value, "give a number above 0")
		}
	}
	for _, kind := range workerFlags() {
		if o.Workers.Of(kind) < 1 {
			refuse(kind+"-workers", o.Workers.Of(kind), "give a number above 0")
		}
	}
	for flag, value := range map[string]string{
		"metrics-addr": o.MetricsAddr, "health-probe-addr": o.HealthProbeAddr, "pprof-addr": o.PprofAddr,
	} {
		if !listenAddress(value) {
			refuse(flag, value, "give [host]:port, or 0 to switch it off")
		}
	}
	problems = append(problems, o.LeaderElection.validate()...)
	return errors.Join(problems...)
}

func (l LeaderElectionOptions) validate() []error {
	if !l.Enabled {
		return nil
	}
	var problems []error
	if l.ResourceLock != resourcelock.LeasesResourceLock {
		problems = append(problems, fmt.Errorf("flag --leader-election-resource-lock=%s: only %q exists in the supported Kubernetes versions",
			l.ResourceLock, resourcelock.LeasesResourceLock))
	}
	if l.ID == "" {
		problems = append(problems, errors.New("flag --leader-election-id= is empty: give the name of the lease"))
	}
	if l.RetryPeriod <= 0 || l.RenewDeadline <= time.Duration(leaderelection.JitterFactor*float64(max(l.RetryPeriod, leader.Poll))) || l.LeaseDuration <= l.RenewDeadline {
		problems = append(problems, fmt.Errorf(
			"flags --leader-election-lease-duration=%s, --leader-election-renew-deadline=%s, --leader-election-retry-period=%s: each must be longer than the next, the deadline over %.1f times the period",
			l.LeaseDuration, l.RenewDeadline, l.RetryPeriod, leaderelection.JitterFactor))
	}
	return problems
}

// listenAddress reports whether a server can be told to listen there; "0" and "" switch it off.
func listenAddress(text string) bool {
	if text == "" || text == "0" {
		return true
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// PrepareProtectionLog makes sure that the protection log can be written.
func (o *Options) PrepareProtectionLog() error {
	if err := os.MkdirAll(o.ProtectionLogPath, 0o755); err != nil { //nolint:gosec // Log collectors of other users read it.
		return fmt.Errorf("flag --protection-log-path=%s: give a directory that can be made: %w", o.ProtectionLogPath, err)
	}
	file, err := os.OpenFile(filepath.Join(o.ProtectionLogPath, protectionLogFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("flag --protection-log-path=%s: give a directory that can be written to: %w", o.ProtectionLogPath, err)
	}
	return file.Close()
}
