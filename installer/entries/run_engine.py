"""The program `videoshop-engine`: the engine as a child process."""

from engine.worker import main, memory_asked

main(memory=memory_asked())
