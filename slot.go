package bulwark

// A Slot keeps a value of one package on a request, such as the nonce of a
// page. It is for authors of layers. Declare a Slot as a package variable:
//
//	var nonce bulwark.Slot[string]
//
// The layer sets the value on the [Scope] of the request, and everything that
// runs for the request can get it:
//
//	nonce.Set(scope, value)         // in the layer
//	value, ok := nonce.Get(scope)   // in a handler or another layer
//
// The key is the address of the variable, so two packages never share a key. A
// program may declare any number of Slots. Do not copy a Slot. The methods are
// safe for concurrent use.
//
// The value belongs to one request. A sub-request does not see it (see
// [Scope]).
type Slot[T any] struct {
	_ byte // Go may give variables of size zero one address
}

// Set keeps v for the rest of the request. It replaces an earlier value.
func (k *Slot[T]) Set(s *Scope, v T) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.shared.slots.set(k, v)
}

// Get returns the value that was set on the request. It returns false if no
// value was set.
func (k *Slot[T]) Get(s *Scope) (v T, ok bool) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	v, ok = s.shared.slots.get(k).(T)
	return v, ok
}

// slots are the values on one request, found by the addresses of their Slots.
// The first value needs no allocation.
type slots struct {
	first slot
	more  []slot
}

// key is the address of a Slot: comparing it cannot panic.
type slot struct{ key, value any }

func (all *slots) get(key any) any {
	if all.first.key == key {
		return all.first.value
	}
	for i := range all.more {
		if all.more[i].key == key {
			return all.more[i].value
		}
	}
	return nil
}

func (all *slots) set(key, value any) {
	if known := all.first.key; known == nil || known == key {
		all.first = slot{key, value}
		return
	}
	for i := range all.more {
		if all.more[i].key == key {
			all.more[i].value = value
			return
		}
	}
	all.more = append(all.more, slot{key, value})
}
