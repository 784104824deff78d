package file_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/eipd/eipd/eip/adapter/file"
	"github.com/eipd/eipd/eip/adapter/internal/adaptertest"
)

func ExampleAdapter() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	orders := filepath.Join(folder, "orders.jsonl")
	os.WriteFile(orders, []byte("{\"id\":1}\n{\"id\":2}\n"), 0o600)

	in := file.New()
	in.Path.Source = orders
	adaptertest.Show(in)
	// Output:
	// {"id":1}
	// {"id":2}
}
