package schema

import (
	"encoding/json"
	"hash/maphash"
)

// few is how many items are compared one by one; beyond them they are hashed,
// so that no array costs the square of its items.
const few = 16

// workOfRepeated is what repeated costs, in steps: the values in the items,
// however deep, and their text at 32 bytes a step.
func workOfRepeated(items []any) int {
	if few, pairs := onlyFew(items); few {
		return len(items) + pairs/8 + weight(items)
	}
	return len(items) + weight(items)
}

// onlyFew reports whether items are compared one by one, and how often that is:
// few items, none of which is an array or object.
func onlyFew(items []any) (bool, int) {
	if len(items) > few {
		return false, 0
	}
	for _, item := range items {
		switch item.(type) {
		case []any, map[string]any:
			return false, 0
		}
	}
	return true, len(items) * len(items) / 2
}

// repeated returns the first item that equals an earlier one, and that one.
func repeated(items []any) (earlier, later int, found bool) {
	if few, _ := onlyFew(items); few {
		for later := range items {
			for earlier := range later {
				if Equal(items[earlier], items[later]) {
					return earlier, later, true
				}
			}
		}
		return 0, 0, false
	}
	// The seed must not be foreseen, or a client could choose items that
	// collide.
	seed := maphash.MakeSeed()
	seen := make(map[uint64][]int, len(items))
	for later := range items {
		h := hashOf(seed, items[later])
		for _, earlier := range seen[h] {
			if Equal(items[earlier], items[later]) {
				return earlier, later, true
			}
		}
		seen[h] = append(seen[h], later)
	}
	return 0, 0, false
}

// hashOf returns the same for values that are equal.
func hashOf(seed maphash.Seed, v any) uint64 {
	switch v := v.(type) {
	case nil:
		return 1
	case bool:
		if v {
			return 2
		}
		return 3
	case string:
		return maphash.String(seed, v)
	case json.Number:
		return maphash.Comparable(seed, decimalOf(v))
	case []any:
		h := uint64(5)
		for _, item := range v {
			h = maphash.Comparable(seed, [2]uint64{h, hashOf(seed, item)})
		}
		return h
	case map[string]any:
		h := uint64(6)
		for name, value := range v { // a sum, in any order
			h += maphash.Comparable(seed, [2]uint64{maphash.String(seed, name), hashOf(seed, value)})
		}
		return h
	}
	return 0
}
