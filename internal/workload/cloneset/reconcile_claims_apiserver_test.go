// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package cloneset

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/fixtures"
)

// instanceID is the id that a Pod shares with its claims.
func instanceID(obj metav1.Object) string { return obj.GetLabels()[v1beta1.CloneSetInstanceIDLabel] }

// claimsOf are the claims that the Pods should have, by name.
func (c *cluster) claimsOf(pods []*corev1.Pod) []string {
	var claims []string
	for _, pod := range pods {
		claims = append(claims, "data-web-"+instanceID(pod))
	}
	slices.Sort(claims)
	return claims
}

func TestClaimsComeAndGoWithThePods(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		c := start(t, fixtures.Replicas(3), fixtures.MaxUnavailable("1"), fixtures.Claim("data"), fixtures.Mount("data", "/data"), func(set *v1beta1.CloneSet) {
			set.Spec.ScaleStrategy.EnablePVCReuse = reuse
		})
		expect(t, "claims", c.claimsOf(c.pods()), c.claimNames())
		c.update(fixtures.Replicas(2))
		c.settle()
		expect(t, "claims after scaling in", c.claimsOf(c.pods()), c.claimNames())
		before := c.claimNames()
		c.update(fixtures.MainImage(v2))
		c.settle()
		after := c.claimNames()
		expect(t, "claims after recreation", c.claimsOf(c.pods()), after)
		if slices.Contains(after, before[0]) || slices.Contains(after, before[1]) || len(after) != 2 {
			t.Errorf("claims %v of recreated Pods, want others than %v", after, before)
		}
		c.update(fixtures.PodsToDelete(c.podNames()[0]))
		c.settle()
		expect(t, "claims after a specified deletion", c.claimsOf(c.pods()), c.claimNames())
	}
}

func TestClaimOfALeavingPodIsHandedOver(t *testing.T) {
	for name, leave := range map[string]func(c *cluster, name string){
		"terminating": func(c *cluster, name string) { c.kubelets.stuck.Insert(name); c.deletePod(name) },
		"failed":      func(c *cluster, name string) { c.kubelets.fail(name) },
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, fixtures.Replicas(2), fixtures.Claim("data"))
			gone := c.podNames()[0]
			claim := "data-" + gone
			leave(c, gone)
			c.settle()
			expect(t, "number of Pods", 2, len(c.pods()))
			expect(t, "owner of the claim", "Pod "+gone, controllerOf(c.claims()[claim]))
			owners := c.claims()[claim].OwnerReferences
			if len(owners) != 1 || owners[0].APIVersion != "v1" {
				t.Errorf("owners %+v, want the Pod alone", owners)
			}
			expect(t, "claims", append(c.claimsOf(c.pods()), claim), sortedLast(c.claimNames(), claim))
		})
	}
}

// sortedLast moves an element to the end.
func sortedLast(names []string, last string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return name == last })
	return append(names, last)
}

func TestClaimOfAPodThatIsGoneIsDeleted(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.Claim("data"))
	gone := c.podNames()[0]
	c.deletePod(gone)
	c.kubelets.tend()
	c.await()
	c.settle()
	expect(t, "claims", c.claimsOf(c.pods()), c.claimNames())
	if slices.Contains(c.podNames(), gone) {
		t.Errorf("the id of %s is used again", gone)
	}
}

func TestClaimsAreReused(t *testing.T) {
	c := start(t, fixtures.Replicas(3), fixtures.Claim("data"), fixtures.EnablePVCReuse())
	pods, claims := c.podNames(), c.claims()
	c.kubelets.stuck.Insert(pods[0], pods[1])
	c.deletePod(pods[0])
	c.deletePod(pods[1])
	c.settle()
	expect(t, "Pods while the old ones are terminating", []string{pods[2]}, c.podNames())
	expect(t, "failures told of", 0, len(c.told(reasonFailedCreate)))

	c.kubelets.stuck.Delete(pods[1])
	c.settle()
	expect(t, "Pods when one is gone: the other holds up nothing else", []string{pods[1], pods[2]}, c.podNames())
	c.update(fixtures.Replicas(4))
	c.settle()
	expect(t, "number of Pods beyond the one held back", 3, len(c.podNames()))

	c.kubelets.stuck.Delete(pods[0])
	c.settle()
	names := c.podNames()
	expect(t, "number of Pods at the end", 4, len(names))
	for _, name := range pods {
		if !slices.Contains(names, name) {
			t.Errorf("Pods %v, want %s among them", names, name)
		}
		expect(t, "claim", claims["data-"+name].UID, c.claims()["data-"+name].UID)
		expect(t, "its owner", "CloneSet web", controllerOf(c.claims()["data-"+name]))
	}
}

func TestDeadPodGivesWayToTheOneThatReusesItsClaims(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.Claim("data"), fixtures.EnablePVCReuse())
	name := c.podNames()[0]
	uid, claim := c.pod(name).UID, c.claims()["data-"+name].UID
	c.kubelets.fail(name)
	c.settle()
	expect(t, "number of Pods", 2, len(c.pods()))
	if pod := c.pod(name); pod.UID == uid || pod.Status.Phase != corev1.PodRunning {
		t.Errorf("Pod %s is %s with UID %s, want a new one", name, pod.Status.Phase, pod.UID)
	}
	expect(t, "claim", claim, c.claims()["data-"+name].UID)
	expect(t, "failures told of", 0, len(c.told(reasonFailedCreate)))
}

func TestClaimsThatAreNoLongerReusedAreCleaned(t *testing.T) {
	c := start(t, fixtures.Replicas(1), fixtures.Claim("data"), fixtures.EnablePVCReuse())
	name := c.podNames()[0]
	c.kubelets.stuck.Insert(name)
	c.deletePod(name)
	c.settle()
	c.update(func(set *v1beta1.CloneSet) { set.Spec.ScaleStrategy.EnablePVCReuse = false })
	c.settle()
	expect(t, "owner of the claim", "Pod "+name, controllerOf(c.claims()["data-"+name]))
	expect(t, "number of Pods", 1, len(c.pods()))
}

func TestChangedClaimTemplatesConcernNewPodsOnly(t *testing.T) {
	c := start(t, fixtures.Replicas(1), fixtures.Claim("data"))
	first := c.podNames()
	c.update(fixtures.Claim("log"), fixtures.Replicas(2))
	c.settle()
	expect(t, "number of revisions", 1, len(c.revisions()))
	expect(t, "claims", 3, len(c.claims()))
	if !slices.Contains(c.podNames(), first[0]) {
		t.Errorf("Pod %s was recreated", first[0])
	}
}

func TestOldRevisionPodsKeepTheirClaims(t *testing.T) {
	c := start(t, fixtures.Replicas(2), fixtures.Claim("data"), fixtures.Mount("data", "/data"))
	c.update(fixtures.MainImage(v2), fixtures.Partition("2"), func(set *v1beta1.CloneSet) {
		set.Spec.VolumeClaimTemplates = nil
		set.Spec.Template.Spec.Containers[0].VolumeMounts = nil
	})
	c.settle()
	c.deletePod(c.podNames()[0])
	c.settle()
	expect(t, "images", map[string]int{v1: 2}, c.images())
	for _, pod := range c.pods() {
		expect(t, "claim of "+pod.Name, "data-"+pod.Name, pod.Spec.Volumes[0].PersistentVolumeClaim.ClaimName)
	}
}

func TestClaimTemplateChangeRecreatesWithItsGate(t *testing.T) {
	c := newCluster(t, gates(t, "PodWebhook=false,RecreatePodWhenChangeVCTInCloneSetGate=true"))
	c.create(fixtures.Replicas(1), fixtures.InPlaceIfPossible(), fixtures.MaxUnavailable("1"), fixtures.Claim("data"))
	c.settle()
	name := c.podNames()[0]
	c.update(fixtures.Claim("log"))
	c.settle()
	expect(t, "Pods after a change of the claim templates alone", []string{name}, c.podNames())
	c.update(fixtures.MainImage(v2))
	c.settle()
	if c.podNames()[0] == name {
		t.Errorf("Pod %s was not recreated", name)
	}
	expect(t, "number of claims", 2, len(c.claims()))
}
