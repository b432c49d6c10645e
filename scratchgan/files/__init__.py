"""Safe reading and writing of files: writes are atomic; reading uses no pickle and checks sizes first.

atomic        a file is written completely or not at all              `replacing`, `write_text`
arrays        .npy and .npz, checked before memory is allocated       `read_header`, `read_values`, `opened`
checkpoint    named arrays, texts and integers in one .npz file       `save`, `load`
console       text on consoles that may lack letters, or not exist    `console`, `progress_bar`
"""
