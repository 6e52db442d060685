// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"kruise.io/kruise/test/e2e/cluster"
	"kruise.io/kruise/test/e2e/observe"
	"kruise.io/kruise/test/helm"
)

const (
	root = "../.."
	// namespace is the manager's.
	namespace = "kruise-system"
	// team is the registry of docs/install.md. Nodes of the playground ask the playground's own in its place.
	team = "registry.example.com/team"
	// within is how long things may take that normally take a few seconds.
	within = 2 * time.Minute
)

// site is the one cluster of a run, set before the first test begins; nil where no test can run.
var site *environment

// environment is a cluster that installations come to and go from.
type environment struct {
	*cluster.Cluster

	helm *helm.Helm
	docs documentation
	// folder is where commands run: it has the repository's charts and manifests.
	folder string
}

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard())
	code, err := run(context.Background(), m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(ctx context.Context, m *testing.M) (int, error) {
	if os.Getenv("PLAYGROUND_NODE_TYPE") == "real" {
		folder, err := os.MkdirTemp("", "kruise-install-")
		if err != nil {
			return 0, err
		}
		defer func() { _ = os.RemoveAll(folder) }()
		if site, err = setUp(ctx, folder); err != nil {
			return 0, fmt.Errorf("set up: %w", err)
		}
	}
	return m.Run(), nil
}

func setUp(ctx context.Context, folder string) (*environment, error) {
	connected, err := cluster.Connect(root)
	if err != nil {
		return nil, err
	}
	e := &environment{Cluster: connected, folder: folder}
	if e.helm, err = helm.Build(ctx, root, folder); err != nil {
		return nil, err
	}
	if e.docs, err = readDocumentation(filepath.Join(e.Root, "docs", "install.md")); err != nil {
		return nil, err
	}
	for _, name := range []string{"charts", "config"} {
		if err := os.Symlink(filepath.Join(e.Root, name), filepath.Join(folder, name)); err != nil {
			return nil, err
		}
	}
	// The registry's name is what nodes leave out: the image is pushed to where it really is.
	command, err := e.docs.block("The image", "sh", 0)
	if err != nil {
		return nil, err
	}
	there, _, _ := strings.Cut(team, "/")
	command = strings.Replace(command, there, os.Getenv("PLAYGROUND_REGISTRY"), 1)
	if out, err := e.shell(ctx, e.Root, command); err != nil {
		return nil, fmt.Errorf("make the image: %w: %s", err, out)
	}
	return e, nil
}

// needSite leaves a test out where nodes run no containers.
func needSite(t *testing.T) *environment {
	t.Helper()
	if site == nil {
		t.Skip("the nodes are not real ones: they cannot run the manager's image")
	}
	return site
}

// shell runs commands as a person would, with helm and kubectl at hand.
func (e *environment) shell(ctx context.Context, folder, commands string) (string, error) {
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	command.Dir = folder
	command.Env = append(os.Environ(),
		"PATH="+strings.Join([]string{filepath.Join(e.Root, "bin"), os.Getenv("KUBEBUILDER_ASSETS"), os.Getenv("PATH")}, ":"),
		"HELM_CACHE_HOME="+filepath.Join(e.folder, "cache"), "HELM_CONFIG_HOME="+filepath.Join(e.folder, "config-home"),
		"HELM_DATA_HOME="+filepath.Join(e.folder, "data"))
	out, err := command.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", commands, err, out)
	}
	return string(out), nil
}

// documented runs the first commands under a heading of docs/install.md.
func (e *environment) documented(t *testing.T, heading string) {
	t.Helper()
	commands, err := e.docs.block(heading, "sh", 0)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := e.shell(t.Context(), e.folder, commands); err != nil {
		t.Fatalf("the commands of %q: %v\n%s", heading, err, e.state(out))
	}
}

// run runs commands that no documentation has.
func (e *environment) run(t *testing.T, commands string) string {
	t.Helper()
	out, err := e.shell(t.Context(), e.folder, commands)
	if err != nil {
		t.Fatalf("%v\n%s", err, e.state(""))
	}
	return out
}

// state describes the manager for a person who has to find out what went wrong.
func (e *environment) state(more string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := e.shell(ctx, e.folder, "kubectl -n "+namespace+" get all -o wide; kubectl -n "+namespace+" describe pods | tail -60; "+
		"kubectl -n "+namespace+" logs -l control-plane=controller-manager --tail 60 --prefix")
	if err != nil {
		out += err.Error()
	}
	return more + out
}

// managers returns the manager's Pods, all of which must be Ready and never have been restarted.
func (e *environment) managers(t *testing.T, want int) []corev1.Pod {
	t.Helper()
	pods := &corev1.PodList{}
	if err := e.Client.List(t.Context(), pods, client.InNamespace(namespace), client.MatchingLabels{"control-plane": "controller-manager"}); err != nil {
		t.Fatal(err)
	}
	var active []corev1.Pod
	for i := range pods.Items {
		if pod := &pods.Items[i]; observe.Active(pod) {
			active = append(active, *pod)
			if !observe.ConditionIs(pod, corev1.PodReady, corev1.ConditionTrue) || observe.Restarts(pod, "manager") != 0 {
				t.Errorf("not Ready without restarts: %s\n%s", observe.PodLine(pod), e.state(""))
			}
		}
	}
	if len(active) != want {
		t.Fatalf("the manager has %d Pods, want %d\n%s", len(active), want, e.state(""))
	}
	return active
}

// gone waits until an object is no longer there.
func (e *environment) gone(t *testing.T, kind, name string) {
	t.Helper()
	e.run(t, fmt.Sprintf("kubectl wait --for=delete %s/%s --timeout=%ds", kind, name, int(within.Seconds())))
}

// absent fails when an object is there.
func (e *environment) absent(t *testing.T, object client.Object, name string) {
	t.Helper()
	err := e.Client.Get(t.Context(), types.NamespacedName{Name: name}, object)
	if !apierrors.IsNotFound(err) {
		t.Errorf("%T %s is still there: %v", object, name, err)
	}
}

// workloads watches namespace default, where tests have their CloneSets.
func (e *environment) workloads(t *testing.T) *observe.Namespace {
	t.Helper()
	watched, err := observe.Watch(t.Context(), e.Client, metav1.NamespaceDefault, nil)
	if err != nil {
		t.Fatal(err)
	}
	return watched
}

// documentation is the text of a page.
type documentation []string

func readDocumentation(path string) (documentation, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return strings.Split(string(text), "\n"), nil
}

// block returns the n-th block of a language under a heading, which is given with the headings above it: "Helm/Uninstall".
func (d documentation) block(heading, language string, n int) (string, error) {
	var above []string
	var block []string
	inside, seen := "", 0
	for _, line := range d {
		switch {
		case inside != "" && line == "```":
			if inside == "yes" {
				if seen == n {
					return strings.Join(block, "\n"), nil
				}
				seen++
			}
			inside, block = "", nil
		case inside != "":
			block = append(block, line)
		case strings.HasPrefix(line, "```"):
			inside = "no"
			if line == "```"+language && strings.Join(above, "/") == heading {
				inside = "yes"
			}
		case strings.HasPrefix(line, "#"):
			marks, title, _ := strings.Cut(line, " ")
			// The page's own title is no part of the path.
			if level := len(marks) - 2; level < 0 {
				above = nil
			} else {
				above = append(above[:min(len(above), level)], title)
			}
		}
	}
	return "", errors.New("docs/install.md has no such block: " + heading)
}
