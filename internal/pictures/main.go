// Command pictures draws the pictures that the quick start ships:
//
//	go run ./internal/pictures flows/images
//
// Each is computed, so that nobody's rights are touched, and none depends on
// chance: the same program draws the same pictures.
package main

import (
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
)

// A painter gives the colour of the point (x, y) of a picture that is 1 high.
type painter func(x, y float64) rgb

var pictures = []struct {
	name  string
	w, h  int
	paint painter
}{
	{"ada/mountains.jpg", 1200, 800, mountains(dusk, 5, 3)},
	{"ada/panorama.jpg", 4800, 1350, mountains(noon, 9, 11)},
	{"alan/julia.png", 660, 440, julia},
	{"grace/sea.jpg", 900, 1200, sea},
	{"mary/night.png", 800, 600, night},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pictures DIRECTORY")
		os.Exit(2)
	}
	for _, p := range pictures {
		path := filepath.Join(os.Args[1], p.name)
		if err := save(path, draw(p.w, p.h, p.paint)); err != nil {
			fmt.Fprintln(os.Stderr, "pictures:", err)
			os.Exit(1)
		}
	}
}

// draw asks for four points a pixel, which makes edges smooth.
func draw(w, h int, paint painter) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for py := range h {
		for px := range w {
			var c rgb
			for i := range 4 {
				x := (float64(px) + 0.25 + 0.5*float64(i%2)) / float64(h)
				y := (float64(py) + 0.25 + 0.5*float64(i/2)) / float64(h)
				c = c.add(paint(x, y).times(0.25))
			}
			p.SetRGBA(px, py, c.rgba())
		}
	}
	return p
}

func save(path string, p *image.RGBA) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	return encode(f, filepath.Ext(path), p)
}

func encode(w io.Writer, ending string, p *image.RGBA) error {
	if ending == ".jpg" {
		return jpeg.Encode(w, p, &jpeg.Options{Quality: 85})
	}
	e := png.Encoder{CompressionLevel: png.BestCompression}
	return e.Encode(w, p)
}
