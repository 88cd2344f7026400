package bulwark

// A JSONLimits bounds a JSON document. All layers that read bodies have the
// same limits with the same defaults. A document beyond a limit is refused with
// 400 "body.too_complex". A zero field stands for its default. A negative field
// is an error.
type JSONLimits struct {
	// MaxDepth bounds how deep arrays and objects are nested. Default: 32.
	MaxDepth int
	// MaxKeys bounds the number of object members in the whole document.
	// Default: 1,000.
	MaxKeys int
	// MaxItems bounds the number of elements of one array. Default: 1,000.
	MaxItems int
	// MaxValues bounds the number of values of every kind in the whole
	// document. Default: 10,000.
	MaxValues int
	// MaxStringBytes bounds the size of one string in bytes. Default: the limit
	// of the layer for a whole body.
	MaxStringBytes int
	// MaxNameBytes bounds the size of one member name in bytes. At most
	// MaxStringBytes. Default: 1,024.
	MaxNameBytes int
}
