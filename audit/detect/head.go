package detect

// A head is what a table knows of one actor, besides its marks.
type head struct {
	tag  uint32 // of the hash of the actor; 0 if the place is free
	last uint32 // window: the time of the last value; bucket: when it is empty
	told uint32 // the time of the last report; 0 for never
	// own has two meanings. Bucket: when the bucket would be empty without what
	// was inherited. Window: the last id, for runs.
	own  uint32
	more uint32 // two bits, the attempts since the last report, the run
}

// The bits of head.more: knocked if the door had kept the actor out before, and
// faint if the last report was a weak estimate.
const (
	knocked = 1 << 31
	faint   = 1 << 30
)

// attempts is how many attempts there were since the last report.
func (h *head) attempts() uint32 { return h.more &^ (knocked | faint) >> 8 }

// tally counts attempts, up to 4 million.
func (h *head) tally(n uint32) {
	h.more = h.more&(knocked|faint|0xff) | min(h.attempts()+min(n, 1<<21), 1<<22-1)<<8
}

// row returns how many ids in a row have been refused, this one included.
func (h *head) row(now hit) int {
	run := int8(h.more)
	switch delta := int32(uint32(now.id) - h.own); {
	case !now.number:
		run = 0
	case run == 0:
		run = 1
	case delta == 0: // the same again
	case delta == 1:
		run = max(run, 1)
		run += min(1, 127-run)
	case delta == -1:
		run = min(run, -1)
		run -= min(1, 127+run)
	default:
		run = 1
	}
	h.own = uint32(now.id)
	h.more = h.more&^0xff | uint32(uint8(run))
	return max(int(run), -int(run))
}
