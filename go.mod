module github.com/eipd/eipd

go 1.26
