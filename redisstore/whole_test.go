package redisstore_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/redisstore"
)

// whole looks at everything that a Store has under a Prefix, and reports rows
// that an index does not have, and entries of indexes without a row. ended says
// that entries of rows that have expired are expected.
func whole(t *testing.T, client redisstore.Client, prefix string, ended bool) (rows int) {
	t.Helper()
	for _, kind := range []string{"s", "k"} {
		tag := "{" + prefix + ":" + kind + "}"
		ids, ends := members(t, client, tag+"ids"), members(t, client, tag+"ends")
		by := map[string][]string{}
		found := map[string]string{} // the names of each row
		for _, key := range keysOf(t, client, tag+"*") {
			rest := strings.TrimPrefix(key, tag)
			if name, is := strings.CutPrefix(rest, "by:"); is {
				by[name] = members(t, client, key)
			}
			if id, is := strings.CutPrefix(rest, "row:"); is {
				text, _ := raw(t, client, key, "GET", key).(string)
				if text == "" {
					continue // it has expired meanwhile
				}
				if len(text) < 49+22+32 {
					t.Errorf("%.40q is half a row of %d bytes", key, len(text))
					continue
				}
				found[id] = text[48 : 49+22*int(text[48]-'0')]
			}
		}
		for id, names := range found {
			if !slices.Contains(ids, id) || !slices.Contains(ends, names+id) {
				t.Errorf("the row %.20q is not in all indexes", id)
			}
			for at := 1; at < len(names); at += 22 {
				if !slices.Contains(by[names[at:at+22]], id) {
					t.Errorf("the row %.20q is not in the index of a name", id)
				}
			}
		}
		if rows += len(found); ended {
			continue
		}
		if len(ids) != len(found) || len(ends) != len(found) {
			t.Errorf("%d rows, %d ids, %d ends", len(found), len(ids), len(ends))
		}
		for name, list := range by {
			for _, id := range list {
				if !strings.Contains(found[id], name) {
					t.Errorf("an index has the id %.20q, whose row has another name", id)
				}
			}
		}
	}
	return rows
}

func members(t *testing.T, client redisstore.Client, key string) (all []string) {
	t.Helper()
	list, _ := raw(t, client, key, "ZRANGE", key, "0", "-1").([]any)
	for _, member := range list {
		all = append(all, member.(string))
	}
	return all
}

// keysOf returns the keys of a single server that match.
func keysOf(t *testing.T, client redisstore.Client, pattern string) (all []string) {
	t.Helper()
	pattern = strings.NewReplacer("[", "\\[").Replace(pattern)
	for cursor := "0"; ; {
		pair := raw(t, client, "", "SCAN", cursor, "MATCH", pattern, "COUNT", "1000").([]any)
		for _, key := range pair[1].([]any) {
			all = append(all, key.(string))
		}
		if cursor = pair[0].(string); cursor == "0" {
			return all
		}
	}
}
