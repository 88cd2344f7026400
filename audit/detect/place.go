package detect

// place finds the place of an actor, or makes one. See admit.
func (t *table) place(s *shard, set uint64, who *actor, now uint32) int {
	if at := t.find(set, who.tag()); at >= 0 {
		return at
	}
	return t.admit(s, set, who, now)
}

func (t *table) find(set uint64, tag uint32) int {
	at := int(set) * ways
	for i := range ways {
		if t.heads[at+i].tag == tag {
			return at + i
		}
	}
	return -1
}

// admit makes a place for an actor and returns it, or -1 if the actor is met
// for the first time and there is no free place.
func (t *table) admit(s *shard, set uint64, who *actor, now uint32) int {
	at, least, since := -1, 0, uint32(0)
	for i := range ways {
		place := int(set)*ways + i
		if t.free(place, now) {
			at, least = place, -1
			break
		}
		own, last := t.evidence(place, now), now-t.heads[place].last
		if t.leaky { // the time when the bucket is empty says as much
			last = 1<<31 - t.left(t.heads[place].last, now)
		}
		if at < 0 || own < least || own == least && last > since {
			at, least, since = place, own, last
		}
	}
	if least >= 0 {
		if who.knock(t.door) < t.knocks() {
			return -1
		}
		t.forget(s, at, now)
	}
	h, marks := &t.heads[at], t.lists[at*t.marks:(at+1)*t.marks]
	*h = head{tag: who.tag(), last: now, own: now}
	clear(marks)
	t.inherit(s, h, marks, now)
	if n := min(who.known(t.door), t.knocks()); n > 0 { // the door has kept it out
		h.more = knocked
		if t.leaky {
			t.fill(h, uint32(n), now)
			return at
		}
		for range n {
			meet(marks, always, now)
		}
	}
	return at
}

// knocks is how many hits of an actor the door keeps out if there is no free
// place: two, or one where two would be more than half of the threshold.
func (t *table) knocks() int { return min(2, t.threshold/2) }

// weak reports whether an actor has done less than three quarters of the
// threshold itself.
func (t *table) weak(own int) bool { return own*4 < t.threshold*3 }

// free reports whether nobody has a place, or somebody whose count is zero.
func (t *table) free(place int, now uint32) bool {
	h := &t.heads[place]
	if h.tag == 0 {
		return true
	}
	if t.leaky {
		return t.left(h.last, now) == 0
	}
	return now-h.last > t.period
}

// evidence is how much an actor has done itself.
func (t *table) evidence(place int, now uint32) int {
	if t.leaky {
		return t.level(t.heads[place].own, now)
	}
	marks := t.lists[place*t.marks : (place+1)*t.marks]
	t.expire(marks, now)
	_, own := live(marks)
	return own
}

// forget keeps what the newcomers of the shard inherit.
func (t *table) forget(s *shard, place int, now uint32) {
	last := t.heads[place].last
	if t.leaky {
		if t.left(last, now) > t.left(s.forgotten.last, now) {
			s.forgotten.last = last
		}
		return
	}
	t.fresh(s, now)
	s.forgotten.last = now
	for k, m := range t.lists[place*t.marks : (place+1)*t.marks] {
		if m == 0 {
			break
		}
		if s.list[k] == 0 || m.age(now) < s.list[k].age(now) {
			s.list[k] = m.inherited()
		}
	}
}

// fresh removes what is too old to be inherited.
func (t *table) fresh(s *shard, now uint32) {
	if now-s.forgotten.last > t.period {
		clear(s.list)
		return
	}
	t.expire(s.list, now)
}

func (t *table) inherit(s *shard, head *head, marks []mark, now uint32) {
	if !t.leaky {
		t.fresh(s, now)
		copy(marks, s.list)
		return
	}
	head.last = now + t.left(s.forgotten.last, now)
}
