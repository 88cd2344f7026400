package bulwark

// A Slot is a value of a package's own on a request, such as the nonce of a
// page. It is for authors of layers. A Slot is declared as a package variable:
//
//	var nonce bulwark.Slot[string]
//
// The address of the variable is the key, so that two packages cannot take each
// other's, and there is room for as many as a program declares. A Slot is not
// to be copied. Its methods are safe for concurrent use.
//
// The value belongs to one request: a sub-request does not see it.
type Slot[T any] struct {
	_ byte // Go may give variables of size zero one address
}

// Set keeps v for the rest of the request.
func (k *Slot[T]) Set(s *Scope, v T) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.shared.slots.set(k, v)
}

// Get returns the value that was set on the request, and false where none was.
func (k *Slot[T]) Get(s *Scope) (v T, ok bool) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	v, ok = s.shared.slots.get(k).(T)
	return v, ok
}

// slots are the values on one request by the addresses of their Slots. The
// first needs no allocation.
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
