// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/sets"

	"kruise.io/kruise/internal/platform/certs"
	"kruise.io/kruise/internal/platform/features"
)

func parse(t *testing.T, variables map[string]string, arguments ...string) (*Options, error) {
	t.Helper()
	fs := pflag.NewFlagSet("manager", pflag.ContinueOnError)
	o := NewOptions()
	o.AddFlags(fs)
	return o, o.Parse(fs, arguments, func(name string) string { return variables[name] })
}

func mustParse(t *testing.T, variables map[string]string, arguments ...string) *Options {
	t.Helper()
	o, err := parse(t, variables, arguments...)
	if err != nil {
		t.Fatalf("%q: %v", arguments, err)
	}
	return o
}

// publishedFlags are the flags of the manager specification, section 3, with their defaults, but for the worker flags; metrics-secure is
// of 19.14. Two defaults differ on purpose: pprof listens on localhost (19.14), and the client limits apply only when given (19.22).
const publishedFlags = `
kubeconfig=
rest-config-qps=30
rest-config-burst=50
metrics-addr=:8080
metrics-secure=false
health-probe-addr=:8000
enable-pprof=true
pprof-addr=localhost:8090
allow-privileged=true
enable-leader-election=true
leader-election-namespace=kruise-system
leader-election-id=kruise-manager
leader-election-resource-lock=leases
leader-election-lease-duration=15s
leader-election-renew-deadline=10s
leader-election-retry-period=2s
namespace=
sync-period=
controller-cache-sync-timeout=2m0s
webhook-initialize-timeout=1m0s
default-ttlseconds-for-always-nodeimage=300
feature-gates=
protection-log-path=/log
disable-no-deepcopy=false
expectation-timeout=5m0s
rate-limiter-base-delay=5ms
rate-limiter-max-delay=16m40s
rate-limiter-qps=10
rate-limiter-bucket-size=100
ws-enabled-versioned-status=deployment,replicaset
assign-pods-by-scheduler=true
assign-bcj-pods-by-scheduler=true
cloneset-scaling-exclude-preparing-delete=false
nodeimage-creation-delay=30s
v=0
vmodule=
logging-format=text
log-flush-frequency=5s`

func TestPublishedFlags(t *testing.T) {
	fs := pflag.NewFlagSet("manager", pflag.ContinueOnError)
	NewOptions().AddFlags(fs)
	for line := range strings.SplitSeq(strings.TrimSpace(publishedFlags), "\n") {
		name, want, _ := strings.Cut(line, "=")
		flag := fs.Lookup(name)
		if flag == nil {
			t.Errorf("there is no --%s", name)
			continue
		}
		if flag.DefValue != want {
			t.Errorf("--%s defaults to %q, want %q", name, flag.DefValue, want)
		}
	}
	for _, kind := range workerFlags() {
		if flag := fs.Lookup(kind + "-workers"); flag == nil || flag.DefValue != "3" {
			t.Errorf("--%s-workers: %v", kind, flag)
		}
	}
}

func TestAcceptedArguments(t *testing.T) {
	for _, argument := range []string{
		"--logtostderr=true", "-logtostderr=true", "--alsologtostderr=true", "--stderrthreshold=2", "--log_dir=/tmp", "--log-dir=/tmp",
		"--log_file=x", "--log_file_max_size=10", "--add_dir_header=true", "--skip_headers=true", "--skip_log_headers=true",
		"--one_output=true", "--log_backtrace_at=a.go:1", "-v=5", "--v=5", "--v", "-v", "--vmodule=a=1", "--log-flush-frequency=1s",
		"--enable-leader-election", "-enable-leader-election", "-feature-gates=AllAlpha=true,AllBeta=true", "--sync-period=0", "--sync-period=nonsense",
		"--default-ttlseconds-for-always-nodeimage=2678400", "--default-ttlseconds-for-always-nodeimage=0", "--metrics-addr=0", "--metrics-addr=[::1]:80",
	} {
		arguments := []string{argument}
		if argument == "--v" || argument == "-v" {
			arguments = append(arguments, "4")
		}
		if _, err := parse(t, nil, arguments...); err != nil {
			t.Errorf("%q is refused: %v", arguments, err)
		}
	}
}

func TestRefusedArguments(t *testing.T) {
	tests := map[string]struct{ says string }{
		"--no-such-flag":      {"no-such-flag"},
		"-no-such-flag=1":     {"no-such-flag"},
		"positional":          {`"positional"`},
		"--rest-config-qps=x": {"rest-config-qps"},
		"--default-ttlseconds-for-always-nodeimage=-1":      {"flag --default-ttlseconds-for-always-nodeimage=-1: give seconds from 0 to 2678400"},
		"--default-ttlseconds-for-always-nodeimage=2678401": {"flag --default-ttlseconds-for-always-nodeimage=2678401"},
		"--feature-gates=NoSuchGate=true":                   {"NoSuchGate"},
		"--cloneset-workers=0":                              {"flag --cloneset-workers=0: give a number above 0"},
		"--crr-workers=-2":                                  {"flag --crr-workers=-2"},
		"--rate-limiter-qps=0":                              {"flag --rate-limiter-qps=0"},
		"--rate-limiter-bucket-size=0":                      {"flag --rate-limiter-bucket-size=0"},
		"--rate-limiter-base-delay=0s":                      {"flag --rate-limiter-base-delay=0s"},
		"--rate-limiter-max-delay=1ms":                      {"flag --rate-limiter-max-delay=1ms"},
		"--webhook-initialize-timeout=0s":                   {"flag --webhook-initialize-timeout=0s"},
		"--controller-cache-sync-timeout=-1s":               {"flag --controller-cache-sync-timeout=-1s"},
		"--expectation-timeout=0s":                          {"flag --expectation-timeout=0s"},
		"--nodeimage-creation-delay=-1s":                    {"flag --nodeimage-creation-delay=-1s"},
		"--metrics-addr=8080":                               {"flag --metrics-addr=8080: give [host]:port"},
		"--health-probe-addr=:99999":                        {"flag --health-probe-addr=:99999"},
		"--leader-election-lease-duration=5s":               {"--leader-election-lease-duration=5s"},
		"--leader-election-retry-period=9s":                 {"--leader-election-retry-period=9s"},
		"--leader-election-resource-lock=endpoints":         {"--leader-election-resource-lock=endpoints"},
		"--leader-election-id=":                             {"--leader-election-id="},
	}
	for argument, test := range tests {
		if _, err := parse(t, nil, argument); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s gives %v, want an error that says %q", argument, err, test.says)
		}
	}
}

func TestClientLimit(t *testing.T) {
	tests := map[string]struct {
		arguments  []string
		qps, burst int
	}{
		"none by default":     {nil, -1, -1},
		"both":                {[]string{"--rest-config-qps=5", "--rest-config-burst=7"}, 5, 7},
		"qps alone":           {[]string{"--rest-config-qps=5"}, 5, 50},
		"high qps alone":      {[]string{"--rest-config-qps=500"}, 500, 500},
		"burst alone":         {[]string{"--rest-config-burst=70"}, 30, 70},
		"not above 0":         {[]string{"--rest-config-qps=0", "--rest-config-burst=-1"}, -1, -1},
		"published, by value": {[]string{"--rest-config-qps=30", "--rest-config-burst=50"}, 30, 50},
	}
	for name, test := range tests {
		if o := mustParse(t, nil, test.arguments...); o.QPS != test.qps || o.Burst != test.burst {
			t.Errorf("%s: %d, %d, want %d, %d", name, o.QPS, o.Burst, test.qps, test.burst)
		}
	}
}

func TestSyncPeriod(t *testing.T) {
	hour := time.Hour
	zero := time.Duration(0)
	for value, want := range map[string]*time.Duration{"": nil, "1h": &hour, "0": &zero, "soon": nil, "-1h": nil} {
		o := mustParse(t, nil, "--sync-period="+value)
		if diff := cmp.Diff(want, o.SyncPeriod); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
		if ignored := value != "" && want == nil; ignored != slices.ContainsFunc(o.Notices, func(n string) bool { return strings.Contains(n, "sync-period") }) {
			t.Errorf("%q gives notices %q", value, o.Notices)
		}
	}
}

func TestVersionedStatusKinds(t *testing.T) {
	for value, want := range map[string]sets.Set[string]{
		"Deployment":     sets.New("deployment", "replicaset"),
		"CloneSet, job,": sets.New("cloneset", "job"),
		"":               sets.New[string](),
	} {
		if got := mustParse(t, nil, "--ws-enabled-versioned-status="+value).VersionedStatusKinds; !got.Equal(want) {
			t.Errorf("%q gives %v, want %v", value, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	base := Environment{
		Namespace: "kruise-system", DaemonConfigNamespace: "kruise-daemon-config", SecretName: "kruise-webhook-certs",
		ServiceName: "kruise-webhook-service", WebhookPort: 9876, CertDir: "/tmp/kruise-webhook-certs", RenewBefore: certs.DefaultRenewBefore,
	}
	tests := map[string]struct {
		variables map[string]string
		change    func(*Environment)
	}{
		"defaults": {nil, func(*Environment) {}},
		"all": {
			map[string]string{
				"POD_NAMESPACE": "a", "KRUISE_DAEMON_CONFIG_NS": "b", "SECRET_NAME": "c", "SERVICE_NAME": "d", "WEBHOOK_PORT": "1",
				"WEBHOOK_CERT_DIR": "/e", "WEBHOOK_CERT_WRITER": "fs", "WEBHOOK_HOST": "f", "CERTS_RENEW_BEFORE": "1y",
				"CUSTOM_RESOURCE_ENABLE": "CloneSet",
			},
			func(e *Environment) {
				*e = Environment{"a", "b", "c", "d", 1, "/e", "fs", "f", 365 * 24 * time.Hour, true}
			},
		},
		"list with SidecarSet": {map[string]string{"CUSTOM_RESOURCE_ENABLE": "CloneSet, SidecarSet"}, func(*Environment) {}},
	}
	for name, test := range tests {
		want := base
		test.change(&want)
		if diff := cmp.Diff(want, mustParse(t, test.variables).Environment); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, variables := range []map[string]string{{"WEBHOOK_PORT": "https"}, {"WEBHOOK_PORT": "0"}, {"WEBHOOK_PORT": "70000"}, {"WEBHOOK_CERT_WRITER": "vault"}} {
		if _, err := parse(t, variables); err == nil {
			t.Errorf("%v is accepted", variables)
		}
	}
}

func TestWhereCertificatesLive(t *testing.T) {
	tests := map[string]struct {
		variables map[string]string
		files     bool
		host      string
	}{
		"in the cluster":                   {nil, false, "kruise-webhook-service.kruise-system.svc"},
		"outside":                          {map[string]string{"WEBHOOK_HOST": "10.0.0.1"}, true, "10.0.0.1"},
		"outside with a Secret":            {map[string]string{"WEBHOOK_HOST": "h.example", "WEBHOOK_CERT_WRITER": "secret"}, false, "h.example"},
		"files in the cluster":             {map[string]string{"WEBHOOK_CERT_WRITER": "fs"}, true, "kruise-webhook-service.kruise-system.svc"},
		"another namespace, other service": {map[string]string{"POD_NAMESPACE": "n", "SERVICE_NAME": "s"}, false, "s.n.svc"},
	}
	for name, test := range tests {
		e := mustParse(t, test.variables).Environment
		if e.certificatesInFiles() != test.files || e.certificateHost() != test.host {
			t.Errorf("%s: in files %t for %s, want %t for %s", name, e.certificatesInFiles(), e.certificateHost(), test.files, test.host)
		}
	}
}

func TestListOfKindsWithoutSidecarSet(t *testing.T) {
	variables := map[string]string{"CUSTOM_RESOURCE_ENABLE": "CloneSet,StatefulSet"}
	if mustParse(t, variables).Gates.Enabled(features.PodWebhook) {
		t.Error("PodWebhook is on by default")
	}
	if !mustParse(t, variables, "--feature-gates=PodWebhook=true").Gates.Enabled(features.PodWebhook) {
		t.Error("PodWebhook cannot be named")
	}
}

func TestProtectionLog(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	if err := mustParse(t, nil, "--protection-log-path="+folder).PrepareProtectionLog(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := mustParse(t, nil, "--protection-log-path="+file).PrepareProtectionLog(); err == nil || !strings.Contains(err.Error(), "--protection-log-path="+file) {
		t.Errorf("a file in the place of the directory gives %v", err)
	}
}
