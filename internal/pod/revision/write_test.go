// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kruise.io/kruise/api/apps/v1beta1"
)

// The name of the revision is taken already.
func TestNameClash(t *testing.T) {
	name, next := nameOf(t, newTemplate()), "web-"+Hash(encoded(t, newTemplate()), 1)
	data := encoded(t, newTemplate())
	tests := []struct {
		name     string
		existing *appsv1.ControllerRevision
		// unseen: the cache does not show it yet.
		unseen bool
		writes []string
		want   string
		number int64
		count  int32
	}{
		{"other data", controllerRevision(name, 4, encoded(t, newTemplate(image("x")))), false,
			[]string{"create " + name, "create " + next}, next, 5, 1},
		{"same data of another workload", controllerRevision(name, 4, data, controlledBy("db")), false,
			[]string{"create " + name, "create " + next}, next, 1, 1},
		{"same data of ours that the cache does not show", controllerRevision(name, 4, data), true,
			[]string{"create " + name}, name, 4, 0},
		{"same data of nobody that the cache does not show", controllerRevision(name, 4, data, orphan), true,
			[]string{"create " + name, "patch " + name}, name, 4, 0},
		{"same data of nobody with other labels", controllerRevision(name, 4, data, orphan, func(r *appsv1.ControllerRevision) { r.Labels = nil }), false,
			[]string{"create " + name, "patch " + name}, name, 4, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t, tt.existing)
			if tt.unseen {
				c.History = New(c, newCluster(t), c)
			}
			s := c.sync(t)
			c.wrote(t, tt.writes...)
			if s.Update.Name() != tt.want || s.CollisionCount != tt.count {
				t.Errorf("update %s, collision count %d", s.Update.Name(), s.CollisionCount)
			}
			object := c.get(t, tt.want)
			if object.Revision != tt.number || !c.owner.owns(object) {
				t.Errorf("number %d, owned by %v", object.Revision, object.OwnerReferences)
			}
			if tt.count > 0 && object.Labels[HashLabel] != ShortHash(name) {
				t.Errorf("the hash label follows the collision: %s", object.Labels[HashLabel])
			}
			if len(s.Written) == 0 {
				t.Error("the write, or what the cache missed, is not told")
			}
		})
	}
}

// Ours, unseen by the cache, but no longer the newest: it is raised.
func TestUnseenOlderRevisionIsRaised(t *testing.T) {
	c := newCluster(t, controllerRevision(nameOf(t, newTemplate()), 1, encoded(t, newTemplate())))
	c.History = New(c, newCluster(t, controllerRevision("web-a2", 2, encoded(t, newTemplate(image("a"))))), c)
	if s := c.sync(t); s.Update.Object.Revision != 3 || !s.Raised {
		t.Errorf("number = %d", s.Update.Object.Revision)
	}
}

func TestOrphans(t *testing.T) {
	mine := controllerRevision("web-a1", 1, encoded(t, newTemplate(image("a"))), orphan)
	foreign := controllerRevision("db-1", 1, encoded(t, newTemplate()), orphan, func(r *appsv1.ControllerRevision) { r.Labels["app"] = "db" })

	t.Run("those that match the selector are taken in", func(t *testing.T) {
		c := newCluster(t, mine, foreign)
		c.change(newTemplate(image("a")))
		s := c.sync(t)
		c.wrote(t, "patch web-a1")
		if !c.owner.owns(c.get(t, "web-a1")) || len(c.get(t, "db-1").OwnerReferences) != 0 || s.Update.Name() != "web-a1" {
			t.Errorf("update = %s", s.Update.Name())
		}
	})
	t.Run("not by a workload that is being deleted", func(t *testing.T) {
		c := newCluster(t, mine)
		c.owner.Object.SetDeletionTimestamp(&metav1.Time{Time: time.Now()})
		c.sync(t)
		c.wrote(t)
	})
	for name, uid := range map[string]types.UID{"not by one that was made anew": "u-new", "not by one that is gone": ""} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, mine)
			set := &v1beta1.CloneSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
			if err := c.Delete(t.Context(), set); err != nil {
				t.Fatal(err)
			}
			if uid != "" {
				c.owner.Object.SetUID("u-old")
				if err := c.Create(t.Context(), set); err != nil {
					t.Fatal(err)
				}
			}
			c.writes = nil
			if _, err := c.Sync(t.Context(), c.owner); err == nil {
				t.Error("no error")
			}
			c.wrote(t)
		})
	}
}

func TestDeletingWorkloadWritesNothing(t *testing.T) {
	old := controllerRevision("web-a1", 1, encoded(t, newTemplate(image("a"))))
	newer := controllerRevision("web-b2", 2, encoded(t, newTemplate(image("b"))))
	for template, want := range map[string]string{"a": "web-a1", "b": "web-b2", "nginx:1.25": nameOf(t, newTemplate())} {
		c := newCluster(t, old, newer)
		c.owner.Object.SetDeletionTimestamp(&metav1.Time{Time: time.Now()})
		c.change(newTemplate(image(template)))
		s := c.sync(t)
		if s.Update.Name() != want || len(s.All) != 2 {
			t.Errorf("template %s: update = %s", template, s.Update.Name())
		}
		if err := c.Truncate(t.Context(), c.owner, s, 0, nil); err != nil {
			t.Fatal(err)
		}
		c.wrote(t)
	}
}
