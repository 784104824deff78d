package transform

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orient is the value of the Exif tag Orientation: how to turn a picture upright.
// 1 is upright; 2 to 4 keep width and height; 5 to 8 swap them.
type orient uint16

func (o orient) swaps() bool { return o >= 5 }

// size is that of the upright picture, or of the lying one: swapping is its own
// inverse.
func (o orient) size(p image.Point) image.Point {
	if o.swaps() {
		return image.Pt(p.Y, p.X)
	}
	return p
}

// apply turns a picture upright.
func (o orient) apply(lying *image.RGBA) *image.RGBA {
	if o == 1 {
		return lying
	}
	w, h := lying.Bounds().Dx(), lying.Bounds().Dy()
	size := o.size(image.Pt(w, h))
	upright := image.NewRGBA(image.Rect(0, 0, size.X, size.Y))
	for y := range size.Y {
		for x := range size.X {
			from := o.source(x, y, w-1, h-1)
			upright.SetRGBA(x, y, lying.RGBAAt(from.X, from.Y))
		}
	}
	return upright
}

// source is where the pixel (x, y) of the upright picture lies; right and bottom
// are the last column and row of the lying one.
func (o orient) source(x, y, right, bottom int) image.Point {
	switch o {
	case 2:
		return image.Pt(right-x, y)
	case 3:
		return image.Pt(right-x, bottom-y)
	case 4:
		return image.Pt(x, bottom-y)
	case 5:
		return image.Pt(y, x)
	case 6:
		return image.Pt(y, bottom-x)
	case 7:
		return image.Pt(right-y, bottom-x)
	case 8:
		return image.Pt(right-y, x)
	}
	return image.Pt(x, y)
}

// orientation finds what the Exif segment of a JPEG says; 1 where it says nothing
// that can be read. Only the first image directory is looked at.
func orientation(jpeg []byte) orient {
	tiff := exif(jpeg)
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	directory := uint64(order.Uint32(tiff[4:]))
	if directory+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[directory+2:]
	for range order.Uint16(tiff[directory:]) {
		if len(entries) < 12 {
			break
		}
		const tag, short = 0x0112, 3
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if o := orient(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}

// exif returns the TIFF part of a JPEG's Exif segment, or nil. It looks at the
// segments before the picture's data.
func exif(jpeg []byte) []byte {
	if len(jpeg) < 2 || jpeg[0] != 0xff || jpeg[1] != 0xd8 {
		return nil
	}
	const app1, startOfScan = 0xe1, 0xda
	for rest := jpeg[2:]; len(rest) >= 4 && rest[0] == 0xff && rest[1] != startOfScan; {
		length := int(binary.BigEndian.Uint16(rest[2:])) // counts its own two bytes
		if length < 2 || length+2 > len(rest) {
			return nil
		}
		if tiff, ok := bytes.CutPrefix(rest[4:length+2], []byte("Exif\x00\x00")); ok && rest[1] == app1 {
			return tiff
		}
		rest = rest[length+2:]
	}
	return nil
}
