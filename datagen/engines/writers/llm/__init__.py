"""Writers that are language models behind a server: `vllm` and `openai`."""
