package bulwark

// JSONLimits bounds a JSON document. The layers that read bodies take the same
// limits with the same defaults. A document beyond one of them is refused with
// 400 "body.too_complex". A field that is zero stands for its default; a
// negative one is an error.
type JSONLimits struct {
	// MaxDepth is the nesting of arrays and objects. Default: 32.
	MaxDepth int
	// MaxKeys is the number of object members in the whole document.
	// Default: 1,000.
	MaxKeys int
	// MaxItems is the number of elements of one array. Default: 1,000.
	MaxItems int
	// MaxValues is the number of values of every kind in the whole document.
	// Default: 10,000.
	MaxValues int
	// MaxStringBytes is the size of one string in bytes. Default: that of the
	// largest body.
	MaxStringBytes int
	// MaxNameBytes is the size of one name in bytes, at most MaxStringBytes.
	// Default: 1,024.
	MaxNameBytes int
}
