package expression

import (
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/eipd/eipd/eip/content"
)

// The package eip imports only the standard library, which has no zstd.
func init() {
	content.AddCoding("zstd", func(r io.Reader) (io.Reader, error) {
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20)) // the window that RFC 8878 asks for
	})
}
