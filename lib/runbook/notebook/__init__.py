"""What a cell calls: begin, the task, the magics, the gate, charts."""
