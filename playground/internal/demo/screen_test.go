// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
)

func TestBarHasACharacterPerPod(t *testing.T) {
	tests := map[string]struct {
		f    figures
		want string
	}{
		"before":                     {figures{total: 5, ready: 5}, "....."},
		"one drained":                {figures{total: 5, ready: 4}, "...._"},
		"updating, updated and old":  {figures{total: 5, ready: 4, updated: 2, current: 1}, "#~..."},
		"replaced, one not made yet": {figures{total: 5, ready: 4, updated: 1, current: 1}, "#..._"},
		"old Pods beyond the size":   {figures{total: 5, ready: 6, updated: 1, current: 1}, "#...."},
		"done":                       {figures{total: 5, ready: 5, updated: 5, current: 5}, "#####"},
	}
	for name, test := range tests {
		if got := bar(test.f); got != test.want {
			t.Errorf("%s: bar = %q, want %q", name, got, test.want)
		}
	}
}

func TestScreenPacesItself(t *testing.T) {
	tests := map[string]struct {
		redraw bool
		want   int
	}{
		"a terminal, 5 times a second":     {true, 11},
		"a file, once a second, no escape": {false, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			clk := clocktesting.NewFakePassiveClock(begin())
			s := newScreen(&out, test.redraw, clk, "CloneSet", "Deployment")
			for range 41 { // 2 seconds
				if err := s.draw(make([]figures, 2)); err != nil {
					t.Fatal(err)
				}
				clk.SetTime(clk.Now().Add(50 * time.Millisecond))
			}
			if got := strings.Count(out.String(), "CloneSet"); got != test.want {
				t.Errorf("drawn %d times in 2s, want %d", got, test.want)
			}
			if got := strings.Contains(out.String(), "\x1b"); got != test.redraw {
				t.Errorf("escape sequences in the output: %t, want %t", got, test.redraw)
			}
		})
	}
}

func TestRowTellsOfTheClient(t *testing.T) {
	f := figures{total: 10, kept: 10, ready: 9, updated: 2, current: 1, restarts: 2, elapsed: 1500 * time.Millisecond}
	want := "  SidecarSet #~........   10/10          2    9/10      1.5s"
	if got := row("SidecarSet", f); got != want {
		t.Errorf("row\n%s\nwant\n%s", got, want)
	}
	f.client, f.done = &conversation{answered: 120, failed: 3}, true
	want += "        120        3"
	if got := row("SidecarSet", f); got != want+"  done" {
		t.Errorf("row\n%s\nwant\n%s", got, want)
	}
}

func TestHolderOfALease(t *testing.T) {
	lease := func(who string, renewed time.Time) *coordinationv1.Lease {
		return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &who, LeaseDurationSeconds: ptr.To[int32](15), RenewTime: &metav1.MicroTime{Time: renewed},
		}}
	}
	for name, test := range map[string]struct {
		lease *coordinationv1.Lease
		want  string
	}{
		"held":     {lease("manager-1", begin().Add(-14*time.Second)), "manager-1"},
		"run out":  {lease("manager-1", begin().Add(-16*time.Second)), ""},
		"released": {lease("", begin()), ""},
		"empty":    {&coordinationv1.Lease{}, ""},
	} {
		if got := holder(test.lease, begin()); got != test.want {
			t.Errorf("%s: holder = %q, want %q", name, got, test.want)
		}
	}
}

// The manager must run with the rights of its ServiceAccount alone.
func TestTokenConfigDropsTheAdministrator(t *testing.T) {
	config := tokenConfig(&rest.Config{
		Host: "https://10.0.0.1:6443", BearerToken: "admin", Username: "admin", Password: "secret",
		TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca"), CertData: []byte("cert"), KeyData: []byte("key")},
	}, "token")
	user := config.AuthInfos[managerProcess]
	if user.Token != "token" || user.Username != "" || user.Password != "" || user.ClientCertificateData != nil || user.ClientKeyData != nil {
		t.Errorf("identity of the manager = %+v, want the token alone", user)
	}
	if got := config.Clusters[managerProcess]; got.Server != "https://10.0.0.1:6443" || string(got.CertificateAuthorityData) != "ca" {
		t.Errorf("cluster of the manager = %+v, want that of the administrator", got)
	}
}

func TestManifestsAreThoseOfTheKustomizations(t *testing.T) {
	kinds := map[string]bool{}
	for _, part := range outsideParts() {
		objects, err := readManifests("../../../config/" + part)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			kinds[object.GetKind()] = true
		}
	}
	for _, kind := range []string{"Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"} {
		if !kinds[kind] {
			t.Errorf("no %s among the manifests", kind)
		}
	}
	if kinds["Deployment"] {
		t.Error("the Deployment of the manager is among the manifests, though it runs as a process")
	}
}
